"""Ordering: approved briefs become orders, orders become tracks that wait at the gate."""
