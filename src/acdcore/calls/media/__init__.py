"""What callers hear and what they say: prompts, text to speech, the end of their speech, where audio may go."""
