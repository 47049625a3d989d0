"""The promises of the Protocols, one abstract suite each; every implementation inherits one."""
