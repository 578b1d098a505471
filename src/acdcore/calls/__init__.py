"""The hall: calls, legs, agents, and everything that brings the rooms together."""
