"""What is known and how it came in: readers, warehouse, case library, simulator."""
