"""What merchants are told, and how; sending it is the service's work."""
