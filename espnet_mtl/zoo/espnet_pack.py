"""ESPnet's pack command as a process that ends with the one that started it."""

from __future__ import annotations

from espnet_mtl.system.parallel.children import end_with_input


def main() -> None:
    """Packs what the command line names; see `espnet2.bin.pack`."""
    end_with_input()
    from espnet2.bin.pack import main as pack

    pack()


if __name__ == "__main__":
    main()
