"""Why not: the gateway's refusals, and the page's own, as sentences that say what to do."""

import re
from datetime import datetime
from typing import Final

from webui.client import Language, Refused
from webui.translate import chosen, gettext, lazy_gettext, spell_date, spell_moment
from webui.words import duration

REFUSALS: Final = {
    "bad_value": lazy_gettext("This cannot be right. Look at what was typed, then try again."),
    "no_signal": lazy_gettext("There is no LED or buzzer to try here."),
    "no_update": lazy_gettext("Choose the file of the update first."),
    "clock_synced": lazy_gettext("The time comes from the network and is right."),
    "host_failed": lazy_gettext(
        "The box could not do it. Try again; if it fails again, look at its log."
    ),
    "no_access_point": lazy_gettext("This box has no Wi-Fi that can open an access point."),
    "no_bundle": lazy_gettext("There is no update to read. Choose its file again."),
    "no_host": lazy_gettext(
        "This machine is no appliance. Its administrator can do this with the system's own tools."
    ),
    "no_key": lazy_gettext(
        "This box trusts no key, so it takes no updates. Ask whoever installed it."
    ),
    "no_network_manager": lazy_gettext(
        "The network of this machine is set up by its administrator."
    ),
    "no_room": lazy_gettext("There is not enough room on the card for this update."),
    "not_an_update": lazy_gettext(
        "This file is no update that this box understands. Choose another one."
    ),
    "not_joined": lazy_gettext("The box could not join that Wi-Fi. Compare its name and password."),
    "not_signed": lazy_gettext(
        "This update is not signed by the maker that this box trusts. Do not use it."
    ),
    "older": lazy_gettext("This update is older than what runs here."),
    "other_model": lazy_gettext(
        "This update is for another kind of box. Choose the one for yours."
    ),
    "same_release": lazy_gettext("This version runs here already."),
    "too_big": lazy_gettext("This file is too big for an update."),
    "too_old_here": lazy_gettext("This update needs a newer version first."),
    "torn": lazy_gettext("The update is damaged or not whole. Fetch it again."),
    "no_backup": lazy_gettext("There is no such backup on the USB stick any more."),
    "no_stick": lazy_gettext("This USB stick is not in the box any more."),
    "older_system": lazy_gettext(
        "This box's system is older than this, and an update of the program does not change it."
        " Save the backup to a file, or use a new card."
    ),
    "stick_failed": lazy_gettext(
        "The USB stick did not take the backup, or not as it is. Use another one."
    ),
    "stick_full": lazy_gettext("There is not enough room on the USB stick for the backup."),
    "backup_too_large": lazy_gettext("This file is larger than any backup of a box."),
    "damaged_backup": lazy_gettext("This backup is damaged or cut short. Take another one."),
    "journal_full": lazy_gettext(
        "The box has no room to keep a promise until the server is reached. See Devices."
    ),
    "disk_full": lazy_gettext("There is not enough room on the box's disk for this."),
    "needs_passphrase": lazy_gettext("This backup is encrypted: type its passphrase."),
    "newer_backup": lazy_gettext("A newer program made this backup: update this box first."),
    "no_way_back": lazy_gettext("Nothing is kept of before a restore."),
    "not_a_backup": lazy_gettext("This file is no backup of a box. Choose another one."),
    "both_chosen": lazy_gettext("Nothing was done: choose a file or one on a USB stick, not both."),
    "no_file": lazy_gettext("Choose the file of the backup first."),
    "not_sure": lazy_gettext("Nothing was done: tick that you are sure."),
    "not_whole": lazy_gettext("This box has nothing to back up yet."),
    "other_device": lazy_gettext("This is not the id of this box: nothing was done."),
    "out_of_order": lazy_gettext("The file did not arrive wholly. Try again."),
    "settings_unfit": lazy_gettext("This box cannot start on the settings of the backup."),
    "unknown_file": lazy_gettext("This file is no longer kept. Begin again."),
    "weak_passphrase": lazy_gettext("A passphrase has at least 8 characters."),
    "wrong_passphrase": lazy_gettext("This is not the passphrase of this backup."),
    "bad_span": lazy_gettext("These are no days to show: at most 400, the first before the last."),
    "edit_whole_file": lazy_gettext(
        "This file can only be changed as text: Settings, the whole file as text."
    ),
    "still_counting": lazy_gettext("This is still being worked out. Look again."),
    "bad_code": lazy_gettext("This is not the code of this box. Compare it sign by sign."),
    "claimed": lazy_gettext("This box has an owner already. Sign in."),
    "last_owner": lazy_gettext("Somebody must own the box: this is its last owner."),
    "needs_number": lazy_gettext("Type the number that is on the pager."),
    "unknown_pager": lazy_gettext("There is no such pager any more. Go back to the devices."),
    "needs_pager": lazy_gettext("Such a button pages: set up a transmitter and a pager first."),
    "no_such_key": lazy_gettext("This is not in the settings any more. Look again."),
    "no_such_past": lazy_gettext("These settings are no longer kept."),
    "not_simulated": lazy_gettext("These are real pins: press what is wired to them."),
    "settings_busy": lazy_gettext("The settings are being written just now. Try again."),
    "settings_changed": lazy_gettext("The settings were changed meanwhile. Look again first."),
    "unknown_button": lazy_gettext("There is no such button any more."),
    "unknown_driver": lazy_gettext("Choose what kind of transmitter it is."),
    "weak_password": lazy_gettext("A password has at least 8 characters."),
    "weak_pin": lazy_gettext(
        "Too easy to guess: no digits in order, not one sign repeated, 4 to 32."
    ),
    "already_redeemed": lazy_gettext("This code has already been redeemed."),
    "already_taken": lazy_gettext("Someone else has taken this alert."),
    "answer_stands": lazy_gettext(
        "It is too late to take this back: ten seconds have passed, more was done about the alert,"
        " or the box has started anew."
    ),
    "not_your_answer": lazy_gettext("Only the person who said it may take it back."),
    "bad_pin": lazy_gettext("Wrong PIN. Try again."),
    "bad_request": lazy_gettext("The gateway did not understand this."),
    "bad_severity": lazy_gettext("Severity goes from 1 to 5."),
    "busy": lazy_gettext("The gateway has too much to do just now. Try again."),
    "expired": lazy_gettext("This code has expired."),
    "foreign_shop": lazy_gettext("This code is from another shop. Only that shop can redeem it."),
    "forged": lazy_gettext("This code was never issued."),
    "forbidden": lazy_gettext("You may not do this. Ask a manager."),
    "locked_out": lazy_gettext("Too many wrong tries. Wait a little, then try again."),
    "mistyped": lazy_gettext("This is no code. Compare it letter by letter."),
    "no_account": lazy_gettext("Tokens need the customer's ACHIVX account."),
    "not_kept": lazy_gettext("The box could not keep this, so it was not done. Try again."),
    "not_open": lazy_gettext("This alert has already ended."),
    "not_signed_in": lazy_gettext("Please sign in."),
    "request_reused": lazy_gettext("This form was used already. Open the page again."),
    "unavailable": lazy_gettext("This part of the box does not work just now. See Devices."),
    "unknown_alert": lazy_gettext("This alert is no longer on the board."),
    "unknown_code": lazy_gettext("No grant has this code. Check the letters and try again."),
    "unknown_offer": lazy_gettext("This offer is no longer in the playbook."),
    "unknown_staff": lazy_gettext("Nobody of this name works here."),
    "void": lazy_gettext("This code has been taken back."),
    "needs_manager": lazy_gettext("A manager must approve this and say why."),
    "no_reason": lazy_gettext("Say why, in 1 to 200 characters."),
    "not_redeemed": lazy_gettext("This code has not been redeemed."),
    "not_yours": lazy_gettext("Only the person who redeemed it may undo that."),
    "out_of_stock": lazy_gettext("There is none left to promise. Offer something else."),
    "over_cap": lazy_gettext("The playbook allows no more of this for now. Offer something else."),
    "tokens_paid": lazy_gettext("The tokens are paid and cannot be taken back."),
    "too_many_guesses": lazy_gettext("Too many wrong codes. Wait a minute, then try again."),
    "too_late": lazy_gettext("It is too late to undo this: a minute has passed."),
    "unknown_cause": lazy_gettext("There is no such cause any more."),
    "bad_note": lazy_gettext("A note has at most 1000 characters."),
    "no_customer_rule": lazy_gettext("Say first under Settings how a customer is named."),
    "no_grants": lazy_gettext("This customer has nothing to redeem here."),
    "not_contacted": lazy_gettext("Say first that you are with the customer."),
    "too_many_keys": lazy_gettext("Codes of too many keys are still good. Wait until some end."),
    "unknown_customer": lazy_gettext("This is no card, phone or code of a customer. Compare it."),
    "bad_tokens": lazy_gettext("Tokens are above 0, in steps of 0.25."),
    "no_balance": lazy_gettext("Nobody knows what this account has. Try again with the server."),
    "no_such_playbook": lazy_gettext("No grant was issued under this playbook."),
    "over_balance": lazy_gettext("This account has not so many tokens to spend."),
    "over_exposure": lazy_gettext(
        "The server is away, and without it no more tokens may be spent here for now."
    ),
}

_REDEEMED: Final = re.compile(r" on (\d{4}-\S+) by (.+)")
_EXPIRED: Final = re.compile(r" expired on (\d{4}-\S+)")


def refusal(refused: Refused) -> str:
    """Why not, in the reader's language; the gateway's own sentence where we have none."""
    seconds = re.search(r"\d+", str(refused))
    if refused.code == "locked_out" and seconds:
        return gettext(
            "Too many wrong tries. Try again in %(time)s.", time=duration(int(seconds[0]))
        )
    if refused.code == "needs_manager":
        return gettext("A manager must approve this and say why: %(signs)s", signs=_signs(refused))
    if refused.code == "already_redeemed" and (told := _REDEEMED.search(str(refused))):
        when = spell_moment(datetime.fromisoformat(told[1]).astimezone())
        return gettext("Redeemed already: %(when)s, by %(name)s.", when=when, name=told[2])
    if refused.code == "expired" and (told := _EXPIRED.search(str(refused))):
        day = spell_date(datetime.fromisoformat(told[1]).astimezone().date())
        return gettext("This code was good until %(day)s.", day=day)
    if refused.code == "not_valid":
        return gettext("The box does not accept this: %(why)s", why=str(refused))
    return str(REFUSALS.get(refused.code, refused))


def _signs(refused: Refused) -> str:
    """What speaks for misuse, of the gateway's sentence in both languages: `…: EN / RU`."""
    english, _, russian = str(refused).partition(": ")[2].partition(" / ")
    return russian if chosen() == Language.RU else english
