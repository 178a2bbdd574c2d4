// Made by `cargo course stubs`, to be hunted and not to be read.
use std::collections::{BTreeMap,BTreeSet};use std::time::Duration;use node::{Ctx,Event,NodeId,Time};
use crate::member::{Member,NameNode};use crate::message::{Message,Timer};use crate::view::{File,
FileId,Generation,REPLICATION,Registration,Replica};const Q0: &str="edits";impl Q34{fn q29(&mut self
,ctx: &mut Ctx<'_,Member>){let q38= |q20: &Q28|ctx.now().since(q20.q12)>Q37;let q32=self.q49.iter().
filter(|(_,q20)|q38(q20));let q32:Vec<NodeId> =q32.map(|(at,_)| *at).collect();for q54 in q32{self.
q46(q54);}let all:Vec<FileId> =self.files.keys().copied().collect();for id in all{self.q30(id,ctx);
self.q13(id,ctx);}}fn q45(&mut self,ctx: &mut Ctx<'_,Member>){let bytes=ctx.disk.read(Q0).
unwrap_or_default();let text=String::from_utf8_lossy(&bytes);let q52=text.rfind('\n').map_or(0, |end
|end+1);if ctx.disk.exists(Q0)&&ctx.disk.truncate(Q0,q52 as u64).is_err(){return;}for line in text[..
q52].lines(){self.q10(line);}}fn q39(&mut self,from:NodeId,message:Message,ctx: &mut Ctx<'_,Member>)
{match message{Message::Open{file,survivors}=>self.open(from,file,survivors,ctx),Message::Complete{
file,generation,length,}=>self.complete(from,file,generation,length,ctx),Message::Delete{file}=>self
.q16(from,file,ctx),Message::Register{registration,replicas,}=>{if self.q44(from,registration,ctx){
self.q23(from, &replicas,ctx);}}Message::Heartbeat{registration}=>self.q11(from,registration,ctx),
Message::Report{registration,number,replicas,}=>{if self.q3(from,registration,number){self.q23(from,
&replicas,ctx);}}Message::Received{registration,number,file,generation,}=>{if self.q3(from,
registration,number){self.received(from,file,generation,ctx);}}Message::Erased{registration,number,
file,generation,}=>{if self.q3(from,registration,number){self.erased(from,file,generation,ctx);}}_=>
{}}}fn q14(&mut self,line: &str){self.q24.push_str(line);self.q24.push('\n');}fn q23(&mut self,from:
NodeId,q21: &BTreeMap<FileId,Replica>,ctx: &mut Ctx<'_,Member>,){for(id,entry)in&mut self.files{let
q1=q21.get(id).map(|q2|q2.generation);if q1==Some(entry.generation){entry.replicas.insert(from);}
else{entry.replicas.remove(&from);}}for(id,q2)in q21{let q8=match self.files.get(id){None=>self.q24.
is_empty(),Some(entry)=>{q2.generation<entry.generation&&entry.closed&&self.q40(*id).len()>=
REPLICATION}};if q8{self.erase(from, *id,q2.generation,ctx);}}let all:Vec<FileId> =self.files.keys()
.copied().collect();for id in all{self.q30(id,ctx);}}fn q3(&mut self,from:NodeId,q50:Registration,
number:u64)->bool{match self.q49.get_mut(&from){Some(q20)if q20.q50==q50&&q20.last<number=>{q20.last
=number;true}_=>false,}}fn q16(&mut self,from:NodeId,id:FileId,ctx: &mut Ctx<'_,Member>){if self.
files.remove(&id).is_some(){self.q14(&format!("d {}",id.0));}self.q6(from,Message::Deleted{file:id},
ctx);}fn q46(&mut self,q54:NodeId){self.q49.remove(&q54);self.q19.retain(|(at,_,_)| *at!=q54);for
entry in self.files.values_mut(){entry.replicas.remove(&q54);}}fn erase(&self,at:NodeId,id:FileId,
q36:Generation,ctx: &mut Ctx<'_,Member>){if let Some(q20)=self.q49.get(&at){let message=Message::
Erase{registration:q20.q50,file:id,generation:q36,};ctx.send(at,message);}}fn open(&mut self,from:
NodeId,id:FileId,survivors:Vec<NodeId>,ctx: &mut Ctx<'_,Member>,){if self.q43(id, &survivors){self.
opened(from,id,ctx);return;}let q20=self.files.get(&id);let mut q22=if!survivors.is_empty(){
survivors.clone()}else if q20.is_some_and(|entry|entry.length>0){self.q40(id)}else{let mut all:Vec<
NodeId> =self.q49.keys().copied().collect();ctx.rng.shuffle(&mut all);all.truncate(REPLICATION);all}
;q22.retain(|q18|self.q49.contains_key(q18));if q22.is_empty(){ctx.send(from,Message::Refused{file:
id});return;}let entry=self.files.entry(id).or_default();entry.generation.0+=1;entry.closed=false;
entry.replicas.clear();let q36=entry.generation;self.q51.insert(id,(survivors,q22));self.q14(&format
!("o {} {}",id.0,q36.0));self.opened(from,id,ctx);}fn opened(&mut self,from:NodeId,id:FileId,ctx: &
mut Ctx<'_,Member>){if let Some(entry)=self.files.get(&id)&&let Some((_,q22))=self.q51.get(&id){let
opened=Message::Opened{file:id,generation:entry.generation,datanodes:q22.clone(),};self.q6(from,
opened,ctx);}}fn q30(&mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let Some(entry)=self.files.get(&
id).filter(|entry|entry.closed)else{return;};let q36=entry.generation;let mut q33=self.q40(id);if q33
.len()<REPLICATION{self.q2(id,ctx);return;}ctx.rng.shuffle(&mut q33);for q15 in q33.split_off(
REPLICATION){self.q19.insert((q15,id,q36));self.erase(q15,id,q36,ctx);}}fn q44(&mut self,from:NodeId
,q50:Registration,ctx: &Ctx<'_,Member>)->bool{if self.q49.get(&from).is_some_and(|old|old.q50>=q50){
return false;}self.q46(from);let q12=ctx.now();let last=0;self.q49.insert(from,Q28{q50,last,q12});
true}fn q9(&mut self,ctx: &mut Ctx<'_,Member>){let bytes=std::mem::take(&mut self.q24);let written=
ctx.disk.append(Q0,bytes.as_bytes());let q5=written.and_then(|()|ctx.disk.sync(Q0));if q5.and_then(|
()|ctx.disk.sync_dir("")).is_err(){return;}for(to,message)in std::mem::take(&mut self.q25){ctx.send(
to,message);}}fn received(&mut self,from:NodeId,id:FileId,q36:Generation,ctx: &mut Ctx<'_,Member>){
if let Some(entry)=self.files.get_mut(&id)&&(entry.closed||entry.generation==q36){entry.replicas.
insert(from);self.q30(id,ctx);}}fn q43(&self,id:FileId,survivors: &[NodeId])->bool{let open=self.
files.get(&id).is_some_and(|entry| !entry.closed);let last=self.q51.get(&id);open&&last.is_some_and(
|(q48,_)|q48==survivors)}fn q13(&mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let q33=self.q40(id);
let Some(entry)=self.files.get(&id).filter(|entry|entry.closed)else{return;};if q33.len()<
REPLICATION{return;}let q36=entry.generation;let q19:Vec<NodeId> =entry.replicas.iter().copied().
collect();for q7 in q19.into_iter().filter(|at| !q33.contains(at)){self.erase(q7,id,q36,ctx);}}fn q11
(&mut self,from:NodeId,q50:Registration,ctx: &mut Ctx<'_,Member>){match self.q49.get_mut(&from){Some
(q20)if q20.q50==q50=>q20.q12=ctx.now(),Some(q20)if q20.q50>q50=>{}_=>ctx.send(from,Message::
RegisterAgain),}}fn q40(&self,id:FileId)->Vec<NodeId>{let Some(entry)=self.files.get(&id)else{return
Vec::new();};let q35= |at: &&NodeId| !self.q19.contains(&(**at,id,entry.generation));entry.replicas.
iter().filter(q35).copied().collect()}fn q10(&mut self,line: &str){let mut words=line.split(' ');let
q4=words.next().unwrap_or_default();let mut number= ||words.next().and_then(|word|word.parse().ok())
.unwrap_or(0);let id=FileId(number());let q36=Generation(number());let q27=number();match q4{"o"=>{
let entry=self.files.entry(id).or_default();entry.generation=q36;entry.closed=false;}"c"=>{let entry
=self.files.entry(id).or_default();entry.closed=true;entry.length=q27;}_=>{self.files.remove(&id);}}
}fn complete(&mut self,from:NodeId,id:FileId,q36:Generation,q27:u32,ctx: &mut Ctx<'_,Member>,){let
q26=Message::Completed{file:id,generation:q36,};match self.files.get_mut(&id){Some(entry)if entry.
generation==q36=>{if entry.closed{self.q6(from,q26,ctx);}else if!entry.replicas.is_empty(){entry.
closed=true;entry.length=q27;self.q14(&format!("c {} {} {}",id.0,q36.0,q27));self.q6(from,q26,ctx);
self.q30(id,ctx);}}_=>ctx.send(from,Message::Refused{file:id}),}}fn erased(&mut self,from:NodeId,id:
FileId,q36:Generation,ctx: &mut Ctx<'_,Member>){if let Some(entry)=self.files.get_mut(&id)&&entry.
generation==q36{entry.replicas.remove(&from);self.q30(id,ctx);}}fn q6(&mut self,to:NodeId,message:
Message,ctx: &mut Ctx<'_,Member>){if self.q25.is_empty(){let soon=Duration::from_millis(5+ctx.rng.
below(350));ctx.set_timer(Timer::Flush,soon);}self.q25.push((to,message));}fn q2(&mut self,id:FileId
,ctx: &mut Ctx<'_,Member>){let Some(entry)=self.files.get(&id)else{return;};let last=self.q42.get(&
id);if last.is_some_and(|last|ctx.now().since(*last)<Q17){return;}let q53:Vec<NodeId> =entry.
replicas.iter().copied().collect();let q41= |at: &&NodeId|{!entry.replicas.contains(at)&& !self.q19.
contains(&(**at,id,entry.generation))};let q22:Vec<NodeId> =self.q49.keys().filter(q41).copied().
collect();let q31=ctx.rng.choose(&q53).copied();let q18=ctx.rng.choose(&q22).copied();if let(Some(
q31),Some(to))=(q31,q18)&&let Some(q20)=self.q49.get(&q31){let message=Message::Copy{registration:
q20.q50,file:id,to,};ctx.send(q31,message);self.q42.insert(id,ctx.now());}}}impl NameNode for Q34{fn
step(&mut self,event:Event<Message,Timer>,ctx: &mut Ctx<'_,Member>){match event{Event::Start=>{self.
q45(ctx);ctx.set_timer(Timer::Check,Q47);}Event::Timer(Timer::Check)=>{self.q29(ctx);ctx.set_timer(
Timer::Check,Q47);}Event::Timer(Timer::Flush)=>self.q9(ctx),Event::Timer(_)=>{}Event::Message{from,
message}=>self.q39(from,message,ctx),}}fn files(&self)-> &BTreeMap<FileId,File>{&self.files}}const
Q37:Duration=Duration::from_millis(2_000);struct Q28{q50:Registration,last:u64,q12:Time,}const Q47:
Duration=Duration::from_millis(400);pub(super)fn new()->Box<dyn NameNode>{Box::new(Q34::default())}
const Q17:Duration=Duration::from_millis(2_500); #[derive(Default)]struct Q34{files:BTreeMap<FileId,
File>,q49:BTreeMap<NodeId,Q28>,q19:BTreeSet<(NodeId,FileId,Generation)>,q51:BTreeMap<FileId,(Vec<
NodeId>,Vec<NodeId>)>,q42:BTreeMap<FileId,Time>,q24:String,q25:Vec<(NodeId,Message)>,}
