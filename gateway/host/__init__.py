"""What only root may do on an appliance: a fixed list of verbs, each with its own checks.

`achivx-host.socket` starts `gateway.host` once for every connection of the gateway, which asks for
one verb (`verbs`) and hangs up. Updates are tried by `gateway.host.trial` and a factory reset is
done by `gateway.host.reset`, each under a unit of its own, so that a power cut or a killed process
leaves a file that starts it again. What the gateway itself runs of this room is `client` and
`service`; the rest is root's.
"""
