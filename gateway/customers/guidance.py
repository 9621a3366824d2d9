"""What to say to an upset customer, and whom to call when somebody only wants trouble."""

from typing import Final

from gateway.config import Guidance
from gateway.model import Label

STEPS: Final = (
    Guidance(
        label=Label(ru="Дайте договорить", en="Let them finish"),
        text=Label(
            ru="Слушайте и не перебивайте. Не оправдывайтесь внутренними порядками.",
            en="Listen and do not interrupt. No excuses about how things work here.",
        ),
    ),
    Guidance(
        label=Label(ru="Отразите чувство", en="Reflect"),
        text=Label(
            ru="«Вижу, это вас расстроило». Не судите; отделяйте факты от мнений.",
            en="“I see this has upset you.” Do not judge; tell facts from opinions.",
        ),
    ),
    Guidance(
        label=Label(ru="Подведите итог", en="Sum up"),
        text=Label(
            ru="Коротко повторите суть и спросите: «Я правильно вас понял(а)?»",
            en="Say shortly what happened and ask: “Did I understand you right?”",
        ),
    ),
    Guidance(
        label=Label(ru="Предложите", en="Offer"),
        text=Label(
            ru="Возместите именно эту потерю, и сразу. Отказать можно, вежливо и без вины.",
            en="Put just this loss right, and at once. You may refuse, politely and without guilt.",
        ),
    ),
)
"""The conversation, in a shop that has not said otherwise."""

SECURITY_TEXT: Final = Label(ru="ОХРАНА {zone} {time}", en="SECURITY {zone} {time}")
SECURITY_WORDS: Final = Label(
    ru="Позовите охрану. Если есть опасность, звоните 112.",
    en="Call security. If there is danger, call 112.",
)
