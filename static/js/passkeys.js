// Forms whose answer comes from a passkey: inside data-passkey="create", "get" or "sign-in". The options come from the
// JSON that data-options names; for a sign-in the form itself asks for them, so that a mere look makes no challenge.
(() => {
  const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));

  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const withBytes = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

  const makeNew = ({ publicKey }) =>
    navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: toBytes(publicKey.challenge),
        user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
        excludeCredentials: withBytes(publicKey.excludeCredentials),
      },
    });

  const use = ({ publicKey }) =>
    navigator.credentials.get({
      publicKey: {
        ...publicKey,
        challenge: toBytes(publicKey.challenge),
        allowCredentials: withBytes(publicKey.allowCredentials),
      },
    });

  const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

  const asJson = (credential) => {
    const { response } = credential;
    const parts = PARTS.filter((name) => response[name]).map((name) => [name, toText(response[name])]);
    const transports = response.getTransports ? { transports: response.getTransports() } : {};
    return JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: { ...Object.fromEntries(parts), ...transports },
    });
  };

  const say = (place, what) => {
    const region = place.querySelector("[data-passkey-said]");
    region.textContent = what ? region.dataset[what] : "";
    region.hidden = !what;
  };

  // What the browser's own errors mean; NotAllowedError is both "declined" and "too late".
  const WHAT = { InvalidStateError: "known", NotAllowedError: "declined", AbortError: "declined", TooMany: "busy", NoAnswer: "silent" };

  const askFor = async (form) => {
    const fields = new FormData(form);
    fields.delete("credential");
    const asked = fetch(form.action, { method: "POST", body: fields, headers: { Accept: "application/json" } });
    const answer = await asked.catch(() => Response.error());
    if (answer.status === 429) throw new DOMException("", "TooMany");
    if (answer.status === 0 || answer.status >= 500) throw new DOMException("", "NoAnswer");
    return (await answer.json()).request_options;
  };

  const optionsOf = (place, form) =>
    place.dataset.options ? JSON.parse(document.getElementById(place.dataset.options).textContent) : askFor(form);

  const prove = async (place, form) => {
    const options = await optionsOf(place, form);
    return asJson(await (place.dataset.passkey === "create" ? makeNew(options) : use(options)));
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const place = form.closest("[data-passkey]");
    if (!place) return;
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    say(place, "");
    try {
      form.elements.credential.value = await prove(place, form);
      form.submit();
    } catch (fault) {
      say(place, WHAT[fault.name] || "unable");
      button.ariaBusy = null;
    }
  });
})();
