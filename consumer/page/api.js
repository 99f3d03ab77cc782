// The consumer's API: questions as the page asks them, and what went wrong in words.

const KEY = "playreport.token";

export class Refused extends Error {} // a token is needed, or another one

export class Fault extends Error {
  constructor(message, parameter) {
    super(message);
    this.parameter = parameter;
  }
}

export function setToken(token) {
  sessionStorage.setItem(KEY, token);
}

function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export function address(path, question) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(question)) {
    if (value !== "" && value !== null && value !== undefined) query.set(name, value);
  }
  return `${path}?${query}`;
}

async function fetched(url, signal) {
  try {
    return await fetch(url, { headers: headers(), signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Fault("The consumer does not answer.");
  }
}

async function explained(response) {
  if (response.status === 401) return new Refused("This token may not read.");
  const body = await response.json().catch(() => null);
  const told = body && body.error;
  return told ? new Fault(told.message, told.parameter) : new Fault(`The consumer answered ${response.status}.`);
}

async function answered(path, question, signal) {
  const response = await fetched(address(path, question), signal);
  if (!response.ok) throw await explained(response);
  return response;
}

/** A photo_id has up to 19 digits, of which a number here keeps 15: those that are longer become texts. */
function exact(json) {
  return json.replace(/("photo_id":)(\d{16,})/g, '$1"$2"');
}

export async function ask(path, question = {}, signal = undefined) {
  return JSON.parse(exact(await (await answered(path, question, signal)).text()));
}

/** The answer as a file; a plain link would go without the token. */
export async function download(path, question, name) {
  const blob = await (await answered(path, question)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
