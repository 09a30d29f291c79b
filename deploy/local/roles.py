"""Make the database's roles: an owner that migrates, and one role for each service.

A service's role owns nothing and may create nothing; what it may do with each table is granted by
the migration runner. Passwords travel as SCRAM verifiers, so that no statement that a server logs
carries one.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.places import DataFolder
from deploy.local.settings import DATABASE
from shared.domain.refusals import Kind, Refusal

ADMIN: Final = "commonlot_admin"
OWNER: Final = "commonlot_owner"

CONNECT_TIMEOUT_S: Final = 5.0
STATEMENT_TIMEOUT_S: Final = 30.0
SCRAM_ITERATIONS: Final = 4096
"""PostgreSQL's own default; the passwords are random and long, so more would guard nothing."""

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_ROLE_EXISTS: Final = """-- local.role_exists
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)
"""

_DATABASE_EXISTS: Final = """-- local.database_exists
SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)
"""


class RolesNotAllowed(Refusal):
    """The owner that DATABASE_URL names may not make the services' roles or schemas."""

    kind = Kind.FORBIDDEN
    code = "roles_not_allowed"


@dataclass(frozen=True, slots=True)
class Server:
    """A database: its owner's connection, and the folder that keeps the roles' passwords."""

    url: str
    data: DataFolder

    def service_url(self, service: str) -> str:
        """Name the connection of one service's own role."""
        role = role_of(service)
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{role}:{self.data.secret(role)}@{host}"))


def role_of(service: str) -> str:
    """Name a service's role."""
    return f"commonlot_{service}"


async def prepare_database(admin_url: str, owner_password: str) -> None:
    """Make the owner and its database on a server of our own."""
    connection = await _connect(admin_url)
    try:
        verb = "ALTER" if await connection.fetchval(_ROLE_EXISTS, OWNER) else "CREATE"
        verifier = scram_verifier(owner_password)
        await connection.execute(
            f"{verb} ROLE {OWNER} LOGIN CREATEROLE CREATEDB PASSWORD '{verifier}'"
        )
        if not await connection.fetchval(_DATABASE_EXISTS, DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def prepare_roles(server: Server, services: Sequence[str]) -> None:
    """Make each service's role and schema, and see that the role can log in.

    Raises:
        RolesNotAllowed: The owner may not.
    """
    connection = await _connect(server.url)
    try:
        for service in services:
            await _ensure_role(connection, server, service)
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {service}")
            await connection.execute(f"GRANT USAGE ON SCHEMA {service} TO {role_of(service)}")
    except asyncpg.InsufficientPrivilegeError as error:
        sentence = (
            "The user in DATABASE_URL needs CREATEROLE, and CREATE on the database. Or make the "
            f"roles {', '.join(map(role_of, services))} and the schemas {', '.join(services)}, and "
            f"put each role's password into a file of its name in {server.data.path / 'secrets'}."
        )
        raise RolesNotAllowed(sentence) from error
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


def scram_verifier(password: str) -> str:
    """Derive what PostgreSQL keeps of an ASCII password. Source: RFC 5802, RFC 7677."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored, served = (
        base64.b64encode(part).decode() for part in (salt, stored_key, server_key)
    )
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt_text}${stored}:{served}"


async def _ensure_role(connection: _Connection, server: Server, service: str) -> None:
    """Leave a role alone that our password opens: an external owner need not be able to alter."""
    role = role_of(service)
    exists = await connection.fetchval(_ROLE_EXISTS, role)
    if exists and await _can_log_in(server.service_url(service)):
        return
    verifier = scram_verifier(server.data.secret(role))
    verb = "ALTER" if exists else "CREATE"
    await connection.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{verifier}'")


async def _can_log_in(url: str) -> bool:
    try:
        connection = await _connect(url)
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False
    await connection.close(timeout=CONNECT_TIMEOUT_S)
    return True


async def _connect(url: str) -> _Connection:
    return await asyncpg.connect(
        url, timeout=CONNECT_TIMEOUT_S, command_timeout=STATEMENT_TIMEOUT_S
    )
