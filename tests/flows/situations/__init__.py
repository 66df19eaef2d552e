"""Exchanges as they are, by what they are about; ``telling`` has how one is told and begun."""
