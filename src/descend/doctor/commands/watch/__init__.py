"""`descend watch`: record a training in place, report findings at once, and show a live page."""
