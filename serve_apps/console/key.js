// The API key, where the server asks for one: kept for this tab alone, and sent as a header, never in an address.

const NAME = "sonant.key";
const box = document.getElementById("key-box");
let asking = null;

// As fetch; asks for a key when the server wants one, and tries again with it.
export async function reach(path, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(NAME);
    const headers = key ? { ...options.headers, Authorization: `Bearer ${key}` } : (options.headers ?? {});
    const answer = await fetch(path, { ...options, headers });
    if (answer.status !== 401 || !box) return answer;
    await ask(key);
  }
}

// The address of a socket, with a ticket for it where there are keys: browsers can set no headers on sockets.
export async function admitted(url) {
  if (!sessionStorage.getItem(NAME)) return url;
  const answer = await reach("v1/tickets", { method: "POST" });
  const told = await answer.json();
  if (answer.ok) url.searchParams.set("ticket", told.ticket);
  return url;
}

// Until a key other than `refused` is entered; those who ask at the same time wait together.
function ask(refused) {
  const known = sessionStorage.getItem(NAME);
  if (known && known !== refused) return Promise.resolve();
  sessionStorage.removeItem(NAME);
  document.getElementById("key-refused").hidden = !refused;
  asking ??= new Promise((entered) => {
    box.showModal();
    box.oncancel = (event) => event.preventDefault();
    document.getElementById("key-form").onsubmit = (event) => {
      event.preventDefault();
      const key = document.getElementById("key").value.trim();
      if (!key) return;
      sessionStorage.setItem(NAME, key);
      document.getElementById("key").value = "";
      box.close();
      asking = null;
      entered();
    };
  });
  return asking;
}
