"""Call control: calls, legs, agents, and everything that brings SIP, audio, queues and flows together."""
