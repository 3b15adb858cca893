"""What the page loads in the browser: scripts and a style sheet, none of which asks another host for anything."""
