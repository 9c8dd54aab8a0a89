"""What a model may do on this machine: files, commands, pages; it knows no provider, no screen."""
