"""JSON in and out, as shapes; shared by the API and the client."""
