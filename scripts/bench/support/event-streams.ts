import { get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';

/** Opens `/events` as many times as asked, as that many pages would, and reads them until `close`. */
export async function openEventStreams(url: string, count: number): Promise<{ readonly close: () => void }> {
  const requests = Array.from({ length: count }, () => get(`${url}/events`, { agent: false }));
  const close = (): void => {
    for (const request of requests) request.destroy();
  };
  try {
    const firstEvents = requests.map(async (request) => {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      if (response.statusCode !== 200) throw new Error(`${url}/events: ${response.statusCode ?? 'no'} status`);
      response.on('error', () => undefined);
      await once(response, 'data');
      response.resume();
    });
    await Promise.all(firstEvents);
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}
