"""The first hour: what an empty installation still needs, and units, people and items out of a spreadsheet."""
