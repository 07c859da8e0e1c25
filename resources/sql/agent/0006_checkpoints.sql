-- How many messages a summary stands for that no earlier one of its process does; 0: not known.
ALTER TABLE summary ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
