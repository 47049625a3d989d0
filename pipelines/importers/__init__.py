"""Importers: from foreign files to the store and the warehouse, whole or not at all."""
