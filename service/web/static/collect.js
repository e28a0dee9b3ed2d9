// Sends in what a page's forms submit: docs/captured-forms.md
(() => {
  "use strict";
  const script = document.currentScript || document.querySelector("script[data-endpoint]");
  const options = script.dataset;
  if (!options.endpoint || (window.marketable || {}).version) return;
  const address = new URL(`collect/${options.endpoint}`, script.src).href;
  const ignored = ["[data-marketable-ignore]"].concat(options.ignore || []).join();
  const secret = new RegExp("pass.?(w|code|phr)|pwd|kennwort|contrase|captcha|credit.?card|tarjeta|(card" +
    "|karten)[ _-]?(n[aoru]|holder|exp|code|cv)|security.?code|\\b(cc|otp|one.time|iban|csc|cv[cv])", "i");
  const passwords = new WeakSet();
  let allowed = options.consent !== "wait";
  let last = {};

  // The page must go on.
  const guard = (action) => (...given) => {
    try { return action(...given); } catch (error) { console.warn(error); }
  };

  const tidy = (text) => (text || "").replace(/\s+/g, " ").trim().slice(0, 500);
  const words = (node) => node.nodeType === 3 ? node.data :
    /^(select|textarea|button|style)$/i.test(node.nodeName) ? "" : texts(node.childNodes);
  const texts = (nodes) => tidy(Array.from(nodes || [], words).join(" "));

  const labelOf = ({ labels, ariaLabelledByElements, ariaLabel, placeholder }) =>
    texts(labels) || texts(ariaLabelledByElements) || tidy(ariaLabel || placeholder);

  const isIgnored = (node) => node && (node.closest(ignored) || isIgnored(node.getRootNode().host));

  const passesLuhn = (digits) => Array.from(digits).reverse().reduce(
    (sum, digit, at) => sum + (at % 2 ? digit * 2 - (digit > 4 ? 9 : 0) : +digit), 0) % 10 === 0;

  // A date may follow the number.
  const holdsCard = (text) => (text.match(/(^|[^+\d])[1-9]([ .-]?\d){12,}/g) || []).some((run) =>
    [15, 16, 19].some((length) => passesLuhn(run.replace(/\D/g, "").slice(0, length))));

  const isPassword = (control) => control.type === "password" || passwords.has(control);

  const isTaken = (control) => !control.matches(":disabled,[type=radio]:not(:checked)") &&
    (control.type !== "hidden" || /^utm_/.test(control.name)) &&
    !isIgnored(control) && !isPassword(control) && !holdsCard(control.value) && !secret.test(
    [labelOf(control), control.placeholder, control.name, control.id, control.autocomplete].join(" "));

  const legendOf = (control) => texts((control.closest("fieldset") || script).querySelectorAll("legend"));
  const nameOf = ({ name, id }) => name || id;

  // A ticked box is a yes, even one whose value is "no".
  const valueOf = ({ type, value, checked, selectedOptions }) =>
    type === "checkbox" ? checked && (/^([01]|on|off|yes|no|true|false|)$/i.test(value) || value) :
    type === "select-multiple" ? Array.from(selectedOptions, (option) => option.value) : value;

  const fieldOf = (control) => ({
    name: nameOf(control),
    label: (control.type === "radio" && legendOf(control)) || labelOf(control),
    type: control.type,
    value: valueOf(control),
  });

  const hash = (text) => Array.from(text).reduce(
    (sum, letter) => Math.imul(sum, 31) + letter.codePointAt() >>> 0, 7).toString(36);

  const contentOf = (form, all, controls) => {
    const [own, id, name] = ["data-marketable-form", "id", "name"].map((key) => tidy(form.getAttribute(key)));
    const campaign = (location.search.match(/[?&]utm_\w+=[^&]*/g) || []).join("").replace(/^&/, "?");
    const [, hutk] = /\bhubspotutk=([0-9a-f]{32})\b/.exec("hutk" in options && document.cookie) || [];
    return {
      form: {
        id: own || id || name || `form-${hash(location.pathname + all.map(nameOf))}`,
        name,
        title: labelOf(form) || texts([form.querySelector("legend,h1,h2,h3") || script]),
      },
      page: {
        url: location.origin + location.pathname + campaign,
        title: tidy(document.title),
        referrer: document.referrer && new URL(document.referrer).origin,
      },
      fields: controls.map(fieldOf),
      hutk,
    };
  };

  const dump = (content, longest) => {
    const text = JSON.stringify(content, (_, value) => Array.isArray(value) ? value.slice(0, 100) :
      typeof value === "string" ? value.slice(0, longest).replace(/[\ud800-\udfff]/gu, "") : value);
    return new Blob([text]).size < 6e4 || longest < 40 ? text : dump(content, longest / 2);
  };

  const kept = () => JSON.parse(sessionStorage.getItem(address) || "[]");
  const keep = guard((text, more) => sessionStorage.setItem(
    address, JSON.stringify(kept().filter((other) => other !== text).concat(more).slice(-10))));

  const post = (body) => fetch(address, { method: "POST", body, keepalive: true, credentials: "omit" })
    .then(({ status }) => status < 500 && status !== 429 && keep(body, [])).catch(() => {});

  const deliver = (text) => {
    if (navigator.onLine && navigator.sendBeacon && navigator.sendBeacon(address, text)) return;
    keep(text, text);
    post(text);
  };

  const flush = guard(() => allowed && kept().forEach(post));

  const take = (form, patience) => {
    if (!allowed) return;
    const all = Array.from(form.getRootNode().querySelectorAll("input,select,textarea")).filter((control) =>
      control.form === form && !/^(file|submit|reset|button|image)$/.test(control.type));
    const controls = all.filter(isTaken);
    const isLogin = all.some(isPassword) && !form.hasAttribute("data-marketable-capture");
    const isSearch =
      form.closest("[role=search]") || controls.every(({ type }) => /search|hidden/.test(type));
    if (isLogin || isSearch || isIgnored(form)) return;
    const content = dump(contentOf(form, all, controls), 5000);
    const now = Date.now();
    if (last.content !== content || now - last.now > patience) {
      const id = URL.createObjectURL(new Blob()).slice(-36);
      const head = JSON.stringify({ v: 1, id, at: new Date(now) });
      last = { content, now, text: `${head.slice(0, -1)},${content.slice(1)}` };
    }
    deliver(last.text);
  };

  const takeWanted = guard((form, patience) => form.matches(options.forms || "form") && take(form, patience));

  const onSubmit = guard((event) => {
    const [form] = event.composedPath();
    if (form.matches(":valid")) takeWanted(form, 2000);
  });

  const watch = (root) => root.addEventListener("submit", onSubmit, true);

  // A submit stays in its shadow root; focus and click come out.
  const onTouch = guard((event) => {
    const path = event.composedPath();
    path[0].getRootNode().querySelectorAll("[type=password]").forEach((one) => passwords.add(one));
    path.filter((node) => node instanceof ShadowRoot).forEach(watch);
  });

  watch(window);
  addEventListener("focusin", onTouch, true);
  addEventListener("click", onTouch, true);
  addEventListener("online", flush);

  // It makes no event, but often follows one.
  const { prototype } = HTMLFormElement;
  const { submit } = prototype;
  prototype.submit = function () {
    takeWanted(this, 60000);
    return submit.call(this);
  };

  window.marketable = {
    version: "1",
    send: guard((form) => take(form, 2000)),
    consent: guard((given) => {
      allowed = given === true;
      return allowed ? flush() : sessionStorage.removeItem(address);
    }),
  };
  document.dispatchEvent(new Event("marketable"));
  flush();
})();
