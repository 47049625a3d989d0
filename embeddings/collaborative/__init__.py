"""What listeners played together: confidence, factors and neighbours."""
