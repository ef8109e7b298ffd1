import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerAnthropic, answerChat, answerGemini, answerResponses } from './model-dialects.ts';

/** The end of a test. */
interface Ending {
  after(fn: () => void | Promise<void>): void;
}

/** One request as an agent sent it. */
export interface ModelRequest {
  path: string;
  /** How many messages the request carried: a resumed conversation has more than a new one. */
  messages: number;
  /** The body's messages as text, for finding what was said. */
  text: string;
  /** What was answered, and when the whole answer had been given to the kernel (of `performance.now`). */
  reply?: Reply;
  answeredAt?: number;
}

/** What the stand-in answers to a request. */
export type Reply = { text: string } | { command: string };

/** How long (ms) an answer takes, or what it waits for. */
export type Slowness = number | Promise<void>;

/** A stand-in for the model services, so that the real agents run without an account. */
export interface Model {
  /** http://127.0.0.1:<port>, on the host. */
  url: string;
  port: number;
  requests: ModelRequest[];
  /** Requests whose messages contain the text. */
  with(text: string): ModelRequest[];
  close(): Promise<void>;
}

/**
 * Starts the stand-in: Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and Gemini's generateContent. A message
 * that contains RUN-A-COMMAND is answered once with the wish to run a command, so that a permission question arises; one
 * with SLOW is answered after `slow` milliseconds, or when `slow` is settled, unless the agent gave up on it before; any other with the number of messages that came.
 */
export async function startModel(t: Ending, o: { slow?: Slowness } = {}): Promise<Model> {
  const requests: ModelRequest[] = [];
  const memory = { slowness: o.slow ?? 60_000, over: 0, commands: 0 };
  const server = createServer((request, response) => {
    answer(request, response, requests, memory).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.after(() => close(server));
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    with: text => requests.filter(request => request.text.includes(text)),
    close: () => close(server),
  };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  if (server.listening) await new Promise<void>(resolve => server.close(() => resolve()));
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  requests: ModelRequest[],
  memory: { slowness: Slowness; over: number; commands: number },
): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const body = parse(await read(request));
  const messages = listOf(body.messages ?? body.input ?? body.contents);
  const text = JSON.stringify(messages);
  const record: ModelRequest = { path, messages: messages.length, text };
  if (messages.length > 0 && !path.endsWith('count_tokens')) requests.push(record);
  const slow = text.split('SLOW').length - 1;
  if (slow > memory.over) {
    await delay(memory.slowness, response);
    memory.over = slow;
  }
  const commands = text.split('RUN-A-COMMAND').length - 1;
  const wanted = commands > memory.commands && listOf(body.tools).length > 0;
  if (wanted) memory.commands = commands;
  const reply: Reply = wanted
    ? { command: 'touch /etc/from-the-agent' }
    : { text: `stand-in answer to ${messages.length} messages` };
  record.reply = reply;
  response.on('finish', () => {
    record.answeredAt = performance.now();
  });
  if (path.endsWith('/count_tokens')) response.end('{"input_tokens":10}');
  else if (path.endsWith('/messages')) answerAnthropic(body, reply, response);
  else if (path.endsWith('/responses')) answerResponses(body, reply, response);
  else if (path.endsWith('/chat/completions')) answerChat(body, reply, response);
  else if (/generateContent$/i.test(path)) answerGemini(path, reply, response);
  else response.end('{"data":[]}');
}

/** Waits, but not longer than the agent does. */
function delay(slowness: Slowness, response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const timer = typeof slowness === 'number' ? setTimeout(resolve, slowness) : undefined;
    if (typeof slowness !== 'number') void slowness.then(resolve);
    response.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // HEAD and GET have no body.
  }
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
