"""What happens by itself: finding what is due, doing it, asking the gateway, moving clocks."""
