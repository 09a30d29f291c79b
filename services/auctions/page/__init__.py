"""The live pages: plain HTML, CSS and JavaScript."""
