"""The demo: an invented newsroom whose pages embed the lists, and the simulated readers who move them."""
