"""A good gateway.toml, and pieces to put into it."""

GOOD = """\
[device]
id = "cafe-1"

[shop]
name = "Cafe"
account = "store-1"
timezone = "Europe/Moscow"
holidays = ["01-01"]

[[shop.hours]]
days = ["mon", "tue"]
open = "08:00"
close = "22:00"

[paths]
state = "/var/lib/achivx-gateway"

[inputs]
stuck_s = 10

[[buttons]]
name = "exit-red"
pin = 17
kind = "unhappy"
label = { ru = "Плохо", en = "Bad" }
zone = "hall"

[[buttons]]
name = "exit-green"
pin = 27
kind = "happy"
label = { ru = "Хорошо", en = "Good" }
zone = "hall"

[[pagers]]
name = "wrist-1"
address = "101"
transmitter = "main"

[[staff]]
name = "counter-1"
pager = "wrist-1"
zones = ["hall"]

[[staff]]
name = "counter-2"

[ladder]
fresh_s = 600

[[ladder.steps]]
after_s = 0
to = ["zone"]

[[ladder.steps]]
after_s = 40
to = ["everyone"]

[[transmitters]]
name = "main"
driver = "tap"
port = "/dev/serial/by-id/one"

[uplink]
kind = "none"

[[offers]]
name = "coffee"
kind = "souvenir"
label = { ru = "Кофе", en = "Coffee" }

[access]
lockout_after = 5
"""

TAP = 'driver = "tap"\nport = "/dev/serial/by-id/one"'
ACHIVX = """kind = "achivx"
address = "achivx.lan:50051"
token_file = "/proc/self/status"
"""
MQTT = """kind = "mqtt"
host = "mqtt.lan"
username = "cafe-1"
password_file = "/proc/self/status"
"""
