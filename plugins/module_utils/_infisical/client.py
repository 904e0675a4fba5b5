# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of one server: puts the token on each call, logs in anew once, and knows the server's era."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Given
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.eras import Routes
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Call, Exchange, Json
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import AuthMethod, Token

# No run needs as many: a server whose lists make us ask for more and more is not followed for ever.
MOST_CALLS = 20_000


class TokenSource(Protocol):
    """Where the client gets its token from."""

    def token(self) -> str:
        """A token that should work. Raises LoginRefusedError."""

    def replace(self, refused: str, why: InfisicalError) -> str:
        """Another token than the refused one. Raises why if there can be none."""

    def condemn(self, token: str) -> None:
        """A fresh token was refused as well: logging in does not help here."""


class LoginTokens:
    """One login for the life of this process."""

    def __init__(self, method: AuthMethod, exchange: Exchange) -> None:
        self.method = method
        self.exchange = exchange
        self._token: Token | None = None

    def token(self) -> str:
        if self._token is None:
            self._token = self.method.login(self.exchange)
        return self._token.value

    def replace(self, refused: str, why: InfisicalError) -> str:
        if isinstance(self.method, Given):
            raise token_not_replaceable(why)
        self._token = self.method.login(self.exchange)
        return self._token.value

    def condemn(self, token: str) -> None:
        return None


def token_not_replaceable(why: InfisicalError) -> InfisicalError:
    """The error for a given token that was refused."""
    advice = "The token was given and cannot be replaced: has it expired, or was it revoked?"
    return InfisicalError(why.problem, advice, why.status, why.error, why.message)


class Eras(Protocol):
    """Remembers which families of routes this server knows only in their older form."""

    def is_older(self, family: str) -> bool:
        """Whether the family was remembered."""

    def remember_older(self, family: str) -> None:
        """For every later request of it."""


class ErasOfProcess:
    """Remembered for the life of this process."""

    def __init__(self) -> None:
        self._older: set[str] = set()

    def is_older(self, family: str) -> bool:
        return family in self._older

    def remember_older(self, family: str) -> None:
        self._older.add(family)


class Client:
    """What the operations beside this file need: call one route, or the one of two that the server knows."""

    def __init__(self, exchange: Exchange, tokens: TokenSource, eras: Eras) -> None:
        self.exchange = exchange
        self.tokens = tokens
        self.eras = eras
        self._calls = 0

    @property
    def server(self) -> str:
        return self.exchange.base_url

    def now(self) -> datetime:
        """The server's time: ages and ends of what it keeps go by it."""
        return self.exchange.now()

    def call(self, call: Call) -> Json:
        """The answer. Raises InfisicalError."""
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise InfisicalError(
                f"{self.server} was asked {MOST_CALLS} times, and each answer led to more questions.",
                "Is it Infisical, and does it hold that much? Then do it in parts.",
            )
        token = self.tokens.token()
        try:
            return self.exchange.send(call, token)
        except InfisicalError as refusal:
            if not refusal.token_refused:
                raise
            fresh = self.tokens.replace(token, refusal)
        try:
            return self.exchange.send(call, fresh)
        except InfisicalError as refusal:
            if refusal.token_refused:
                self.tokens.condemn(fresh)
            raise

    def ask(self, routes: Routes) -> Json:
        """The answer of the current route, or of the older one where the server does not know the current."""
        if not self.eras.is_older(routes.family):
            try:
                return self.call(routes.current)
            except InfisicalError as error:
                if not error.unknown_route:
                    raise
        try:
            answer = self.call(routes.older)
        except InfisicalError as error:
            if error.unknown_route:
                raise InfisicalError(
                    f"{self.server} knows neither {routes.current.path} nor {routes.older.path}.",
                    "Is url the address of Infisical, and is it newer than July 2024?",
                ) from None
            # The older route is known, even if it refuses.
            self.eras.remember_older(routes.family)
            raise
        self.eras.remember_older(routes.family)
        return answer


def existing(client: Client, routes: Routes) -> Json | None:
    """The answer, or None if the thing does not exist."""
    try:
        return client.ask(routes)
    except InfisicalError as error:
        if error.missing:
            return None
        raise


__all__ = ["Client", "Eras", "ErasOfProcess", "LoginTokens", "TokenSource", "existing", "token_not_replaceable"]
