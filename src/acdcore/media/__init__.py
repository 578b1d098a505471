"""RTP, tones, codecs and the engine that moves audio in a thread of its own."""
