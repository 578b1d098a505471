"""Dialogs and sessions: UAS, UAC, re-INVITE, session timers, requests outside of dialogs (pure)."""
