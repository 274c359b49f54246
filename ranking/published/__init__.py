"""What is published: snapshots, editorial changes, the order that a cursor walks."""
