import functools
import http.server
import threading
import zipfile
from pathlib import Path

import pytest
import yaml
from packed_model import CONFIG, META, members

from espnet_mtl.errors import UserError
from espnet_mtl.zoo.archive import resolve


def write(path, content):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)


def text(path):
    return Path(path).read_text()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def unpacked(directory, content):
    for name, data in content.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)
    return directory


def test_directory_unpacked_by_hand_gets_its_paths(tmp_path, cache):
    root = unpacked(tmp_path / "model", members())
    files = resolve(root, cache)
    config = yaml.safe_load(text(files["train_config"]))
    assert config["normalize_conf"]["stats_file"] == str(root / "exp/train/feats_stats.npz")
    assert files["model_file"] == str(root / "exp/train/m.pth")
    assert yaml.safe_load((root / "exp/train/config.yaml").read_text()) == CONFIG


def test_directory_with_right_paths_is_used_as_it_is(tmp_path, cache):
    root = unpacked(tmp_path / "model", members(config={"tts": "fastspeech2"}))
    assert resolve(root, cache)["train_config"] == str(root / "exp/train/config.yaml")
    assert not cache.exists()


def test_experiment_directory(tmp_path, cache):
    content = members(**{"meta.yaml": None, "exp/train/valid.loss.ave.pth": "average"})
    config = {**CONFIG, "best_model_criterion": [["valid", "loss", "min"]]}
    root = unpacked(tmp_path, {**content, "exp/train/config.yaml": yaml.safe_dump(config).encode()})
    files = resolve(root / "exp/train", cache)
    assert text(files["model_file"]) == "average"
    stats = yaml.safe_load(text(files["train_config"]))["normalize_conf"]["stats_file"]
    assert stats == str(root / "exp/train/feats_stats.npz")


@pytest.mark.parametrize("outsider", ["/etc/passwd", "../secret.pth"])
def test_directory_whose_meta_names_outsiders_is_refused(tmp_path, cache, outsider):
    (tmp_path / "secret.pth").touch()
    root = unpacked(tmp_path / "model", members(meta={**META, "files": {"model_file": outsider}}))
    with pytest.raises(UserError, match="which is not a member"):
        resolve(root, cache)


def test_directory_without_a_model(tmp_path, cache):
    with pytest.raises(UserError, match=r"neither meta\.yaml nor config\.yaml"):
        resolve(tmp_path, cache)


@pytest.mark.parametrize("name", ["gone.zip", "some/gone.tar.gz", "a/b/c", "word", "user/re po"])
def test_name_of_nothing_is_refused(cache, name):
    with pytest.raises(UserError, match=f"no model at {name}"):
        resolve(name, cache)
    assert not cache.exists()


class Handler(http.server.SimpleHTTPRequestHandler):
    disposition = None

    def end_headers(self):
        if self.disposition:
            self.send_header("Content-Disposition", self.disposition)
        super().end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "www").mkdir()
    handler = functools.partial(Handler, directory=tmp_path / "www")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", tmp_path / "www"
        running.shutdown()
        thread.join()


def test_url_is_downloaded_once_and_again_when_it_changed(server, cache, monkeypatch):
    url, www = server
    write(www / "model.zip", members())
    assert text(resolve(f"{url}/model.zip", cache)["model_file"]) == "weights"
    downloads = list(cache.rglob("*-model.zip"))
    resolve(f"{url}/model.zip?download=1", cache)
    assert text(resolve(f"{url}/model.zip", cache)["model_file"]) == "weights"
    assert [path for path in cache.rglob("*-model.zip") if path.parent == downloads[0].parent] == downloads
    write(www / "model.zip", members(**{"exp/train/m.pth": "a changed model"}))
    assert text(resolve(f"{url}/model.zip", cache)["model_file"]) == "a changed model"


def test_refused_download_is_removed(server, cache):
    url, www = server
    write(www / "model.zip", members(**{"../evil": "evil"}))
    with pytest.raises(UserError, match=f"{url}/model.zip is refused"):
        resolve(f"{url}/model.zip", cache)
    assert not list(cache.iterdir())


@pytest.mark.parametrize("name", ["../../evil.zip", '"/tmp/evil.zip"', "evil.zip; x=1"])
def test_server_cannot_choose_where_the_download_goes(server, cache, monkeypatch, name):
    url, www = server
    write(www / "model", members())
    monkeypatch.setattr(Handler, "disposition", f"attachment; filename={name}")
    assert resolve(f"{url}/model", cache)["model_file"].startswith(str(cache))
    found = [path for path in cache.parent.rglob("*evil*") if path.suffix == ".zip"]
    assert [path.parent.parent for path in found] == [cache]


@pytest.mark.parametrize("path", ["gone.zip", ""])
def test_url_of_nothing_is_refused(server, cache, path):
    with pytest.raises(UserError):
        resolve(f"{server[0]}/{path}", cache)


def test_connection_of_a_server_that_refuses_is_closed(server, cache):
    with pytest.raises(UserError, match="404") as refused:
        resolve(f"{server[0]}/gone.zip", cache)
    assert refused.value.__cause__.response.raw.closed


def test_unreachable_server_is_named(cache):
    with pytest.raises(UserError, match=r"cannot download http://127\.0\.0\.1:9/model\.zip"):
        resolve("http://127.0.0.1:9/model.zip", cache)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hugging Face that has user/repo only; the files of a snapshot are links into a blob store."""
    from espnet_model_zoo.downloader import ModelDownloader

    def download(self, name):
        if name != "user/repo@main":
            raise OSError("404: Repository Not Found\nmore")
        return str(tmp_path / "snapshot")

    monkeypatch.setattr(ModelDownloader, "huggingface_download", download)
    blobs = unpacked(tmp_path / "blobs", members())
    for name in members():
        (tmp_path / "snapshot" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "snapshot" / name).symlink_to(blobs / name)
    return tmp_path / "snapshot"


def test_repository_of_the_hub(hub, cache):
    files = resolve("user/repo@main", cache)
    assert files["model_file"] == str(hub / "exp/train/m.pth")
    config = yaml.safe_load(text(files["train_config"]))
    assert config["normalize_conf"]["stats_file"] == str(hub / "exp/train/feats_stats.npz")


def test_repository_whose_meta_names_outsiders_is_refused(hub, cache):
    (hub / "meta.yaml").unlink()
    meta = {**META, "yaml_files": {"train_config": "/etc/passwd"}}
    (hub / "meta.yaml").write_text(yaml.safe_dump(meta))
    with pytest.raises(UserError, match="'/etc/passwd', which is not a member"):
        resolve("user/repo@main", cache)


def test_unknown_repository(hub, cache):
    with pytest.raises(UserError, match=r"user/other is neither a file here nor found on Hugging Face: 404"):
        resolve("user/other", cache)
