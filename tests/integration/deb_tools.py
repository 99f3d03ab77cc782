"""Programs out of Debian packages that are unpacked into the build folder: installed they would start as services."""
import fcntl
import subprocess

from broker import BUILD


def unpacked(package):
    """The folder that stands for / of the package. Fetched once."""
    folder = BUILD / "debs" / package
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # tests may run side by side
        if not (folder / "unpacked").exists():
            folder.mkdir(exist_ok=True)
            # Not as the apt user, who may not write here.
            fetch = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
            if subprocess.run(fetch, cwd=folder, capture_output=True, check=False).returncode:
                subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True, timeout=300)
                subprocess.run(fetch, cwd=folder, check=True, capture_output=True, timeout=300)
            (file,) = folder.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", file, folder], check=True)
            file.unlink()
            (folder / "unpacked").touch()  # last: what was cut short is fetched again
    return folder
