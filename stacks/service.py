"""The small web service that shows that everything below it works."""

import json

_UNIT = """\
[Unit]
Description=A page with this server's name
After=network.target

[Service]
ExecStart=/usr/bin/python3 -m http.server {port} --directory /srv/web
User=www-data
Restart=always

[Install]
WantedBy=multi-user.target
"""


def user_data(port: int) -> str:
    """Cloud-init's instructions: serve a page with the server's name. Needs nothing to download."""
    config = {
        "write_files": [
            {"path": "/etc/systemd/system/web.service", "content": _UNIT.format(port=port)}
        ],
        "runcmd": [
            ["mkdir", "-p", "/srv/web"],
            ["sh", "-c", "hostname > /srv/web/index.html"],
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "--now", "web.service"],
        ],
    }
    # JSON is YAML, without its traps.
    return f"#cloud-config\n{json.dumps(config, indent=1)}\n"
