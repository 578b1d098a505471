"""acdcore: an asyncio telephony switch and ACD server."""
