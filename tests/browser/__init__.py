"""What officers see and press, in a real browser."""
