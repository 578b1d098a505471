"""The sockets that carry SIP."""
