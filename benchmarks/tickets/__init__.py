"""What a ticket is worth beside what a user would pick instead (``make bench TICKETS=1``)."""
