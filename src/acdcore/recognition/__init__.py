"""What callers say: where their speech ends, which of the asked phrases it was, and what stands in messages."""
