"""What an officer sees, as values: each module asks the store and gives back what one kind of page shows."""
