"""Voice menus: flows as data, the machine that walks them, calendars and prompts."""
