"""Voice menus: flows as data, the machine that walks a caller through them, calendars and prompts."""
