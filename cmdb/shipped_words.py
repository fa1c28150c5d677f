"""The Chinese words of the shipped item types, so that other languages can have them; what an administrator adds is shown as typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.i18n import lazy

# Every label, title and unit of data/item_types.toml; a test holds them together.
_WORDS = (
    lazy("服务"), lazy("站点"), lazy("机房/地点"), lazy("现场联系人"), lazy("常驻人数"), lazy("供电"), lazy("厂商"), lazy("型号"),
    lazy("序列号"), lazy("位置"), lazy("保修到期"), lazy("容量"), lazy("回路数"), lazy("路由器"), lazy("管理地址"), lazy("交换机"),
    lazy("端口数"), lazy("层级"), lazy("线路"), lazy("运营商"), lazy("专线编号"), lazy("带宽"), lazy("用途"), lazy("主机"),
    lazy("操作系统"), lazy("CPU 核数"), lazy("内存"), lazy("服务器"), lazy("机柜"), lazy("磁盘"), lazy("存储"), lazy("协议"),
    lazy("数据库"), lazy("版本"), lazy("所在区域"), lazy("引擎"), lazy("实例名"), lazy("端口"), lazy("中间件"), lazy("产品"),
    lazy("应用"), lazy("地址"), lazy("开发商"), lazy("负载均衡"), lazy("虚拟地址"), lazy("网关/网闸"), lazy("连接区域"), lazy("证书"),
    lazy("主体"), lazy("颁发者"), lazy("到期日"), lazy("域名服务"), lazy("域名"), lazy("目录服务"), lazy("根目录"), lazy("证书认证"),
    lazy("终端"), lazy("使用人"), lazy("打印机"), lazy("种类"), lazy("视频终端"), lazy("会议别名"), lazy("呼叫带宽"), lazy("视频会议控制单元"),
    lazy("并发端口"), lazy("不间断电源"), lazy("后备时间"), lazy("分钟"), lazy("电池更换日"), lazy("传感器"), lazy("测量"), lazy("其他"),
)  # fmt: skip
_BY_TEXT = {text.message: text for text in _WORDS}


def word(text: str) -> str:
    """A shipped word in the reader's language; anything else as it is."""
    return str(_BY_TEXT.get(text, text))


def worded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A type's schema with its titles and units in the reader's language."""
    properties = {
        name: {**rule, **{key: word(rule[key]) for key in ("title", "unit") if key in rule}}
        for name, rule in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties}
