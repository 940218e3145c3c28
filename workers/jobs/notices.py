"""Send news of ends: the tasks by which Headway itself does it. Their arguments are ids and digests, no addresses."""

import json
from collections.abc import Sequence
from typing import Any

from workers import circuit, context, inbox, mail, news, subscriptions, webhook, webpush
from workers.delivery import Undeliverable, host_of, try_again
from workers.errors import HeadwayError
from workers.tasks import task
from workers.vapid import Vapid
from workers.webpush import Unsubscribed
from workers.wire import NEWS_QUEUE, decode_state, notice_key

TIMEOUT = 60  # seconds; a try takes 15 at the most, but for a name that nobody resolves


class NothingKept(HeadwayError):
    """What was to be sent has expired."""


@task(queue=NEWS_QUEUE, timeout=TIMEOUT, small=True, internal=True)
def send_push(owner: str, digest: str, ends: list[str]) -> Any:
    """Push news of ends to one browser"""
    return try_again(lambda: _push(owner, digest, ends))


def _push(owner: str, digest: str, ends: Sequence[str]) -> str:
    job = context.current()
    subscription = subscriptions.load(job.redis, owner, digest)
    if subscription is None:
        return "unsubscribed before"
    # read now and not when it was due: since then, or since the last try, a page may have shown them
    states = [decode_state(body) for body in inbox.unseen(job.redis, owner, ends)]
    states = [state for state in states if subscription.wants(state)]
    if not states:
        return "seen before"
    try:
        with circuit.under_way(job.redis, host_of(subscription.endpoint), owner):
            webpush.send(
                subscription,
                news.payload(states),
                topic=webpush.topic_of(states[0].id) if len(states) == 1 else webpush.SUMMARY_TOPIC,
                vapid=Vapid.load(job.redis),
                contact=job.settings.contact,
                allow_private=job.settings.allow_private_fetch,
            )
    except Unsubscribed:
        subscriptions.remove(job.redis, owner, digest)
        return "unsubscribed"
    return "sent"


@task(queue=NEWS_QUEUE, timeout=TIMEOUT, small=True, internal=True)
def send_webhook(id: str, attempt: int) -> Any:
    """Post the end of a job to the webhook that its submit named"""
    return try_again(lambda: _webhook(id, attempt))


def _webhook(id: str, attempt: int) -> str:
    job = context.current()
    address, state, by = _kept(id, attempt, "webhook")
    secrets = job.settings.webhook_secrets or _unset("HEADWAY_WEBHOOK_SECRET")
    with circuit.under_way(job.redis, host_of(address), by):
        webhook.send(
            address,
            webhook.message(state),
            id=webhook.id_of(id, attempt),
            secrets=secrets,
            allow_private=job.settings.allow_private_fetch,
        )
    return "sent"


@task(queue=NEWS_QUEUE, timeout=TIMEOUT, small=True, internal=True)
def send_mail(id: str, attempt: int) -> Any:
    """Mail the end of a job to the address that its submit named"""
    return try_again(lambda: _mail(id, attempt))


def _mail(id: str, attempt: int) -> str:
    job = context.current()
    settings = job.settings
    address, state, by = _kept(id, attempt, "email")
    server = settings.mail_server or _unset("HEADWAY_SMTP_URL")
    sender = settings.mail_from or _unset("HEADWAY_MAIL_FROM")
    with circuit.under_way(job.redis, server.host, by):
        mail.send(mail.compose(decode_state(state), sender=sender, recipient=address), server)
    return "sent"


def _kept(id: str, attempt: int, kind: str) -> tuple[str, str, str]:
    """The address of this kind, the JSON of the state, as the script left them at the end, and whom to count it for.

    That is '' for operators: many of their messages may be under way.
    """
    text = context.current().redis.get(notice_key(id, attempt))
    if not isinstance(text, bytes):
        raise NothingKept(f"nothing is kept of the end of {id} any more")
    notify, _, state = text.decode().removeprefix('{"notify":').removesuffix("}").partition(',"state":')
    wish = json.loads(notify)
    by = str(wish.get("by", ""))
    return str(wish[kind]), state, "" if by == "operator" else by  # the state unparsed: it is told byte for byte


def _unset(name: str) -> Any:
    raise Undeliverable(f"{name} is not set for this worker: set it where the workers that send news are started")
