"""The checklist of going live, and the coach: what a sales unit's own record says about its integration."""
