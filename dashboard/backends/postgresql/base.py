"""Django's PostgreSQL backend with a pool that recovers quickly from a restart of the server."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> "Connection[Any]":
        """Take a working connection from the pool.

        If one is broken, the other idle ones are too. The pool's own check would find them one by one, with a growing
        pause after each: 20 s without a page after a restart.
        """
        connection: Connection[Any] = super().get_new_connection(conn_params)
        if self.pool is None:
            return connection
        try:
            ConnectionPool.check_connection(connection)
        except OperationalError:
            self.pool.putconn(connection)
            self.pool.drain()
            connection = super().get_new_connection(conn_params)
        return connection
