"""SIP as text: URIs, header fields, messages, and how they are cut from a stream (pure)."""
