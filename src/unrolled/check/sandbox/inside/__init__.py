"""What runs within the sandbox, on the standard library and NumPy alone; nothing else of this project goes there."""
