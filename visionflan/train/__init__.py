"""One loop for every stage; the stage says what is trained, on what, and for how long."""
