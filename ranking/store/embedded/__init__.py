"""The bundled Valkey: its folder, its launch, its end."""
