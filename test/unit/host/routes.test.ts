import { expect, test } from 'vitest';
import { parseNetstat, parseProcRoutes } from '../../../src/host/routes.ts';

test('the routes of Linux: those that are up and lead somewhere', () => {
  const text = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                 
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0                                            
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0                                         
tun0\t0000080A\t0100080A\t0003\t0\t0\t50\t00F8FFFF\t0\t0\t0                                           
eth0\t0500000A\t010200C0\t0007\t0\t0\t0\tFFFFFFFF\t0\t0\t0                                            
eth1\t0001A8C0\t00000000\t0000\t0\t0\t0\t00FFFFFF\t0\t0\t0                                            
*\t0002A8C0\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0                                               
`;
  expect(parseProcRoutes(text)).toEqual([
    { subnet: '0.0.0.0/0', interfaceName: 'eth0' },
    { subnet: '172.17.0.0/16', interfaceName: 'docker0' },
    { subnet: '10.8.0.0/21', interfaceName: 'tun0' },
    { subnet: '10.0.0.5/32', interfaceName: 'eth0' },
  ]);
  expect(parseProcRoutes('')).toEqual([]);
});

test('the routes of macOS, which leaves out what the reader knows', () => {
  const text = `Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            192.168.1.1        UGScg                 en0
10                 10.8.0.1           UGSc                utun4
10.9.0.5           10.8.0.1           UGHS                utun4
127                127.0.0.1          UCS                   lo0
172.16/12          10.8.0.1           UGSc                utun4
192.168.1          link#11            UCS                   en0      !
224.0.0/4          link#11            UmCS                  en0      !
`;
  expect(parseNetstat(text)).toEqual([
    { subnet: '10.0.0.0/8', interfaceName: 'utun4' },
    { subnet: '10.9.0.5/32', interfaceName: 'utun4' },
    { subnet: '127.0.0.0/8', interfaceName: 'lo0' },
    { subnet: '172.16.0.0/12', interfaceName: 'utun4' },
    { subnet: '192.168.1.0/24', interfaceName: 'en0' },
    { subnet: '224.0.0.0/4', interfaceName: 'en0' },
  ]);
});
